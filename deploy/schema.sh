#!/bin/sh
# One-shot: creates Temporal's two databases and brings their schema to this image's version. Runs at every start;
# an existing database is left as it is and only missing versions are applied.
# SQL_PASSWORD is read by temporal-sql-tool itself, so that no process list shows it.
set -eu

for schema in temporal visibility; do
  database=temporal
  [ "$schema" = visibility ] && database=temporal_visibility
  sql() { temporal-sql-tool --plugin postgres12 --ep "$SQL_HOST" -p "$SQL_PORT" -u "$SQL_USER" --db "$database" "$@"; }
  sql create
  sql setup-schema -v 0.0
  sql update-schema -d "/etc/temporal/schema/postgresql/v12/$schema/versioned"
done
