# The far sides that ./delivery measures against: sourced after agent.bash, whose cleanup ends them.
tls='' null_server='' null_server_pids='' simulated='' simulated_pid='' hanging=''

# As root, what faces a network is started as somebody who may do nothing.
unprivileged=()
((EUID != 0)) || unprivileged=(setpriv --reuid=nobody --regid=nogroup --clear-groups)

# Sets tls: a directory with ca.pem, and cert.pem and key.pem for 127.0.0.1.
make_certificate() {
    tls=$work/tls
    mkdir "$tls"
    local new=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
    {
        openssl req -x509 "${new[@]}" -days 2 -subj '/CN=bench CA' -keyout "$tls/ca.key" -out "$tls/ca.pem"
        openssl req "${new[@]}" -subj /CN=localhost -keyout "$tls/key.pem" -out "$tls/request.pem"
        openssl x509 -req -in "$tls/request.pem" -CA "$tls/ca.pem" -CAkey "$tls/ca.key" -CAcreateserial -days 2 \
            -extfile <(printf 'subjectAltName=IP:127.0.0.1,DNS:localhost') -out "$tls/cert.pem"
    } >"$work/openssl.log" 2>&1 || die "no certificate: $(tail -n 3 "$work/openssl.log")"
}

# One exchange costs what HTTP and TLS cost, and nothing else. A batch is read in whole before it is
# answered (which is what `mirror` is for), as a service does that looks into it. The first request of each
# connection is logged: how large it is, and by which TLS. (What is not read does not count in $request_length.)
nginx_configuration() { # DIRECTORY PORT WORKERS
    cat <<NGINX
daemon off;
worker_processes $3;
pid $1/pid;
events { worker_connections 4096; }
http {
    client_body_temp_path $1/body; proxy_temp_path $1/proxy; fastcgi_temp_path $1/fastcgi;
    uwsgi_temp_path $1/uwsgi; scgi_temp_path $1/scgi;
    client_header_buffer_size 4k;
    client_body_buffer_size 1m;
    client_max_body_size 8m;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    default_type application/json;
    map \$connection_requests \$is_first { default 0; 1 1; }
    log_format first '\$request_length+\$content_length \$ssl_protocol \$ssl_cipher';
    server {
        listen 127.0.0.1:$2 ssl backlog=1024;
        ssl_certificate $1/cert.pem;
        ssl_certificate_key $1/key.pem;
        ssl_protocols TLSv1.2 TLSv1.3;
        access_log $1/first.log first if=\$is_first;
        location / { return 200 "{}\n"; }
        location = /api/v2/batch { mirror /read; error_page 403 404 405 =200 @taken; }
        location = /read { internal; return 204; }
        location @taken { return 200 "{}\n"; }
    }
    server {
        listen unix:$1/status;
        access_log off;
        location / { stub_status; }
    }
}
NGINX
}

# Sets null_server, its URL, and null_server_pids, those that work.
start_null_server() { # WORKERS
    local directory=$sockets/nginx port pid
    mkdir "$directory"
    cp "$tls/cert.pem" "$tls/key.pem" "$directory"
    chmod 711 "$sockets"
    ((EUID != 0)) || chown -R nobody: "$directory"
    for _ in {1..10}; do # the port may be another's; the configuration lies where nginx may not read
        port=$((20000 + RANDOM % 10000))
        nginx_configuration "$directory" "$port" "$1" >"$work/nginx.conf"
        "${unprivileged[@]}" nginx -p "$directory" -e "$directory/error.log" -c /dev/stdin <"$work/nginx.conf" &
        pid=$!
        null_server=https://127.0.0.1:$port
        until curl -sf --cacert "$tls/ca.pem" "$null_server" >/dev/null; do
            kill -0 "$pid" 2>/dev/null || continue 2
            sleep 0.05
        done
        others+=" $pid"
        null_server_pids=$(pgrep -P "$pid")
        return
    done
    die "nginx does not start: $(tail -n 3 "$directory/error.log")"
}

null_server_requests() {
    curl -sf --unix-socket "$sockets/nginx/status" http://localhost/ | awk 'NR == 3 { print $3 }'
}

# Since the last call: of a first request of a connection the bytes of its head and body, and its TLS.
first_request() {
    tail -n 1 "$sockets/nginx/first.log"
    : >"$sockets/nginx/first.log"
}

listening() { # LOG SCHEME: waits for a simulator's address
    until grep -q '"event":"listening"' "$1" 2>/dev/null; do sleep 0.05; done
    grep -oE "$2://127.0.0.1:[0-9]+" "$1" | head -n 1
}

# Sets hanging: takes a request and never answers it.
start_hanging() {
    printf '[{"do":{"hang":true}}]' >"$work/faults.json"
    "$build/bin/customerio-sim" --faults "$work/faults.json" --http 127.0.0.1:0 --log-max 1 >"$work/hanging.log" &
    others+=" $!"
    hanging=$(listening "$work/hanging.log" http)
}

# Sets simulated and simulated_pid: a Customer.io that knows nobody yet.
start_simulated() {
    "$build/bin/customerio-sim" --https 127.0.0.1:0 --tls-cert "$tls/cert.pem" --tls-key "$tls/key.pem" \
        --log-max 1 >"$work/simulated.log" &
    simulated_pid=$!
    simulated=$(listening "$work/simulated.log" https)
}
