"""Plots and documents: values of the domain → SVG, HTML and Markdown."""
