"""The one strict reader of YAML: models, or mistakes with their place and their mend."""
