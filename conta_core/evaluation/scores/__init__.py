"""Scoring: masks against the ground truth, and the files that hold what comes of it.

"n" counts the labels of a mask, background included; 255 in the truth is left out of
every count. Everything streams: a matrix or a histogram is added up image by image.
"""
