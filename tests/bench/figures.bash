# For scripts that measure: sourced. What they make of numbers, one a line.

field() { sed -E "s/.*\"$1\":\"?([^,\"}]*).*/\1/;t;s/.*/-/"; } # NAME: of each JSON line; - for none

median() {
    sort -n | awk '$1 != "-" { v[++n] = $1 }
        END { if (!n) print "-"; else print n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2 }'
}

range() { # LOW-HIGH
    sort -n | awk 'NR == 1 { low = $1 } END { if (NR) print low "-" $1; else print "-" }'
}

of() { grep "\"contender\":\"$1\"" "$2" || true; } # CONTENDER FILE

# Percent of all CPU time in the next second; before and after the contenders, so of others only.
busy() {
    { head -n 1 /proc/stat && sleep 1 && head -n 1 /proc/stat; } | awk '
        { idle = $5 + $6; all = 0; for (i = 2; i <= 9; ++i) all += $i }
        NR == 1 { idle0 = idle; all0 = all }
        END { printf "%.0f\n", 100 - 100 * (idle - idle0) / (all - all0) }'
}

# WORK-DIRECTORY
print_machine() {
    printf 'machine: %s, %s cores, Linux %s, %s, %s\n' \
        "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" "$(uname -r)" \
        "$(findmnt -n -o FSTYPE -T "$1")" "$(date -u +%Y-%m-%d)"
}

print_busy() { # BUSY-BEFORE BUSY-AFTER
    printf 'CPUs busy with other programs before and after: %s %%, %s %%\n' "$1" "$2"
    if (($1 > 10 || $2 > 10)); then
        printf 'NOTE: the machine was not quiet. These figures are no evidence.\n'
    fi
}
