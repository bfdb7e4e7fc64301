#!/bin/sh
# Fails where the server's page does what its Content-Security-Policy forbids, or could do harm where a browser does not
# keep it: scripts and styles within the page, data as markup, addresses of other hosts; where a script names an element
# that the page has not; and where a file is not embedded. usage: page.sh PAGE_FOLDER
set -eu
cd "$1"
bad=0
refuse() { # what, pattern, files
    what=$1 pattern=$2
    shift 2
    if grep -nE "$pattern" "$@" /dev/null; then
        echo "^ $what"
        bad=1
    fi
}

refuse 'data as markup' 'innerHTML|outerHTML|insertAdjacentHTML|document\.write|srcdoc|DOMParser' ./*.js
refuse 'text as code' '\beval\(|new Function|set(Timeout|Interval)\(["'"'"'`]|javascript:' ./*.js ./*.html
refuse 'a script or style within the page' '<style|[[:space:]](style|on[a-z]+)=|<script[^>]*>[^<]' ./*.html
refuse 'an address of another host' '(src|href|action)="(https?:)?//|@import|url\(|from "[^.]|import\(' ./*.html ./*.css ./*.js
refuse 'an address of another host' '["'"'"'`](https?|wss?):' ./*.js

for id in $(sed -nE 's/find\("([a-z-]+)"\)/\n\1\n/gp' ./*.js | grep -xE '[a-z-]+' | sort -u); do
    grep -q "id=\"$id\"" index.html || { echo "no element has the id $id"; bad=1; }
done
for file in $(ls | grep -E "\.(html|css|js|svg)$"); do
    grep -qE "^set\(files .*\b$file\b" CMakeLists.txt || { echo "$file is not embedded"; bad=1; }
done
exit $bad
