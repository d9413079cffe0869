# rows.sh ROWS BUILD: every row is there, and every test that it names.
tests=$(ctest --test-dir "$2" -N | awk '$1 == "Test" {print $3}')
failed=0
for row in $(seq 66); do
    case $row in 13 | 61 | 62) continue ;; esac
    line=$(awk -F'|' -v r="$row" '$2 + 0 == r && $2 ~ /[0-9]/ {print $4}' "$1")
    [ -n "$line" ] || { echo "row $row is not there"; failed=1; }
    for test in $line; do
        echo "$tests" | grep -qxF "$test" || { echo "row $row: there is no test $test"; failed=1; }
    done
done
exit $failed
