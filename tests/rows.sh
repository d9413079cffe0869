# rows.sh FILE BUILD ROW...: every row is in the table, every test that it names is in the build, and the test's source
# says which row it shows: "A14", "C12", "row 23" or "rows 2, 3 and 23". What has no source of its name (sim, fuzzers,
# a script run with other flags) is asked only to exist.
table=$1
here=$(dirname "$0")
tests=$(ctest --test-dir "$2" -N | awk '$1 == "Test" {print $3}')
shift 2

# says ROW TEST: does its source name the row?
says() {
    name=${2#*.}
    case $2 in
    unit.*) files=$here/unit/$name.c ;;
    wire.sipp_*) files=$here/sipp/${name#sipp_}.xml ;;
    wire.*) files="$here/wire/$name.sh $here/wire/$name.py" ;;
    *) return 0 ;;
    esac
    found=
    for file in $files; do
        [ ! -f "$file" ] || found="$found $file"
    done
    [ -n "$found" ] || return 0
    case $1 in
    [0-9]*) grep -Eqi "\brows? ([0-9]+(, | and ))*$1\b" $found ;;
    *) grep -Eq "\b$1\b" $found ;;
    esac
}

failed=0
for row; do
    line=$(awk -F'|' -v r="$row" '{ gsub(/ /, "", $2) } $2 == r {print $4}' "$table")
    [ -n "$line" ] || { echo "row $row is not there"; failed=1; }
    for test in $line; do
        echo "$tests" | grep -qxF "$test" || { echo "row $row: there is no test $test"; failed=1; }
        says "$row" "$test" || { echo "row $row: $test does not say that it shows it"; failed=1; }
    done
done
exit $failed
