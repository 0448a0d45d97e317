"""What two runs have in common and where they part: steps aligned, texts by word, values by path."""
