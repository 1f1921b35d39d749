"""What the reports and cards share: page frame and style, charts, and how numbers are written."""
