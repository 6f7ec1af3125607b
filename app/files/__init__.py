"""The files of the trade as values of the domain, and back: long answers, the study's JSON, arrays of labels."""
