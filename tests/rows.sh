# rows.sh FILE BUILD ROW...: every row is in the table, and every test that it names is in the build.
table=$1
tests=$(ctest --test-dir "$2" -N | awk '$1 == "Test" {print $3}')
shift 2
failed=0
for row; do
    line=$(awk -F'|' -v r="$row" '{ gsub(/ /, "", $2) } $2 == r {print $4}' "$table")
    [ -n "$line" ] || { echo "row $row is not there"; failed=1; }
    for test in $line; do
        echo "$tests" | grep -qxF "$test" || { echo "row $row: there is no test $test"; failed=1; }
    done
done
exit $failed
