"""The data path: from a release to packed rows of token ids."""
