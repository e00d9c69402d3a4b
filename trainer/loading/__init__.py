"""From names and folders to models, tokenizers and tokenised rows."""
