"""From names and folders to models, tokenizers and tokenized rows."""
