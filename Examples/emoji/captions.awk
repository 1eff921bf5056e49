# Reads Unicode's emoji-test.txt and prints, for every picture of the package, tab-separated: file name, kind, caption.
#
#   awk -f captions.awk -v files="$(ls PICTURES)" emoji-test.txt
#
# A picture is named by its code points, emoji_u1f431.png, flags by the two letters of their country, FR.png. Skin tones are left out
# of the captions: each tone is a picture of the same thing.

BEGIN {
    count = split(files, names, "\n")
    for (i = 1; i <= count; i++) present[names[i]] = 1
}

/^# group:/ { group = substr($0, 10) }
/^# subgroup:/ { subgroup = substr($0, 13) }

/; fully-qualified / {
    split($0, halves, "; fully-qualified")
    points = tolower(halves[1])
    gsub(/ +$/, "", points)
    caption = halves[2]
    sub(/^ *# [^ ]+ E[0-9.]+ /, "", caption)

    file = "emoji_u" without_selectors(points) ".png"
    if (group == "Flags" && points ~ /^1f1.. 1f1..$/) file = letters(points) ".png"
    if (!(file in present) || file in seen) next
    seen[file] = 1

    gsub(/: (light|medium-light|medium|medium-dark|dark) skin tone/, "", caption)
    gsub(/, (light|medium-light|medium|medium-dark|dark) skin tone/, "", caption)
    gsub(/“|”/, "", caption)
    print file "\t" kind() "\t" tolower(caption)
}

# "263a fe0f" → "263a": file names leave variation selectors out, and fill up to four digits.
function without_selectors(points) {
    gsub(/ fe0f/, "", points)
    gsub(/ /, "_", points)
    return points
}

# "1f1eb 1f1f7" → "FR": regional indicators run from 1f1e6 for A.
function letters(points) {
    return letter(substr(points, 4, 2)) letter(substr(points, 10, 2))
}
function letter(hexadecimal,    digits) {
    digits = "0123456789abcdef"
    return substr("ABCDEFGHIJKLMNOPQRSTUVWXYZ", (index(digits, substr(hexadecimal, 1, 1)) - 1) * 16 + index(digits, substr(hexadecimal, 2, 1)) - 1 - 229, 1)
}

function kind() {
    if (subgroup ~ /^face-(smiling|affection|tongue|hand|neutral|sleepy|unwell|hat|glasses|concerned|negative)/) return "face"
    if (subgroup ~ /^animal-/) return "animal"
    if (subgroup ~ /^food-/) return "food"
    if (subgroup ~ /^plant-/) return "plant"
    if (group == "Flags") return "flag"
    if (subgroup ~ /^transport-(ground|water|air)/) return "vehicle"
    if (group == "People & Body") return subgroup ~ /^(hand|body)/ ? "hand" : "person"
    return "thing"
}
