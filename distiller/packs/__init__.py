"""Domain templates, languages and prompts: data in YAML and Jinja files, and their loaders."""
