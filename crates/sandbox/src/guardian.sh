# A line of the input is `+ KIND WORD...`, which holds something, or `- KIND WORD...`, which lets go of it. When the input
# ends, what is held is ended and removed: processes first, for they write into folders. Words have no white space in
# them: they are spelled for `%b` of printf. A last line that was cut off counts for nothing.
end='
'
held=$end
while IFS= read -r line; do
    one=$end${line#??}$end
    case $line in
        +*) held=${held%"$end"}$one ;;
        *) case $held in *"$one"*) held=${held%%"$one"*}$end${held#*"$one"} ;; esac ;;
    esac
done

for kind in group container folder; do
    printf %s "$held" | while read -r is first second; do
        [ "$is" = "$kind" ] || continue
        # The dot keeps line ends that a name ends in.
        first=$(printf '%b.' "$first") && first=${first%.}
        case $kind in
            group) kill -s KILL -- "-$first" ;;
            container) "$first" rm --force "$second" </dev/null ;;
            folder)
                # A process that is still dying may put another file there.
                tries=0
                until rm -rf -- "$first" || [ "$tries" -ge 100 ]; do
                    tries=$((tries + 1))
                    sleep 0.02
                done
                ;;
        esac
    done
done
