#!/bin/sh
# Run by the official image's entrypoint before Nginx, where TLS is to be served.
for file in /certs/cert.pem /certs/key.pem; do
  if [ ! -r "$file" ]; then
    echo "$file cannot be read by user $(id -u): 'npm run cert' makes a certificate for development in certs/, CERTS_DIR names another folder" >&2
    exit 1
  fi
done
