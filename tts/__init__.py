"""Voice: engines that speak a line behind one door. Knows no films, subtitles or projects."""
