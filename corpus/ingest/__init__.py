"""A bundle of archives in, one Parquet part of each table out."""
