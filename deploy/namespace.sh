#!/bin/sh
# One-shot: waits until Temporal serves, then makes the namespace and the search attributes that Firedoor writes.
# Runs at every start; what is there already is left as it is.
# TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE are read by the temporal command itself.
set -eu

# A port that answers is not yet a server that serves, and a new namespace takes seconds to be known everywhere:
# so ask again, for up to a minute a question.
patiently() {
  left=30
  until "$@"; do
    left=$((left - 1))
    if [ "$left" -le 0 ]; then
      echo "gave up after a minute on: $*; see what the server says: docker compose logs temporal" >&2
      exit 1
    fi
    sleep 2
  done
}

exists() { temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; }

patiently temporal operator cluster health
exists || temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "${TEMPORAL_RETENTION:-30d}"

# One call each: with several names in one call the server (1.32, SQL visibility) keeps only one and still says "added".
for name in Status Playbook Incident Account Severity PlaybookHash Review; do
  patiently temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" --type Keyword --name "$name"
done
