#!/bin/bash
# A real S3 server on loopback: Ceph's object gateway on one node, in memory, without systemd; about 15 s and 400 MB.
# Debian 12: apt-get install --no-install-recommends radosgw ceph-mon ceph-osd ceph-common curl
# Usage: start-radosgw.sh FOLDER PORT MONITOR_PORT MONITOR_PORT_V1   (an absolute folder to keep its data in, free ports)
# Access key testkey, secret testsecret. To stop it, kill the processes named in FOLDER/run/*.pid.
set -euo pipefail
DIR=${1:?folder to keep its data in}
PORT=${2:?port to listen on}
MONITORS="v2:127.0.0.1:${3:?port of the monitor},v1:127.0.0.1:${4:?port of the monitor, old protocol}"
FSID=$(cat /proc/sys/kernel/random/uuid)

mkdir -p "$DIR"/{mon/a,osd/0,rgw,run,log}
cat >"$DIR/ceph.conf" <<CONF
[global]
fsid=$FSID
mon_host=$MONITORS
auth_cluster_required=none
auth_service_required=none
auth_client_required=none
ms_mon_client_mode=crc
osd_pool_default_size=1
osd_pool_default_min_size=1
mon_allow_pool_size_one=true
osd_crush_chooseleaf_type=0
osd_pool_default_pg_num=8
osd_pool_default_pg_autoscale_mode=off
mon_data_avail_crit=1
public_addr=127.0.0.1
cluster_addr=127.0.0.1
run_dir=$DIR/run
admin_socket=$DIR/run/\$name.asok
log_file=$DIR/log/\$name.log
keyring=$DIR/keyring
mon_data=$DIR/mon/\$id
osd_data=$DIR/osd/\$id
osd_objectstore=memstore
memstore_device_bytes=6442450944
[client.rgw]
rgw_frontends=beast endpoint=127.0.0.1:$PORT
rgw_data=$DIR/rgw
debug_rgw=0
CONF
export CEPH_CONF=$DIR/ceph.conf

ceph-authtool --create-keyring "$DIR/keyring" --gen-key -n mon. --cap mon 'allow *' >/dev/null
for user in admin rgw; do
    ceph-authtool "$DIR/keyring" --gen-key -n "client.$user" --cap mon 'allow *' --cap osd 'allow *' >/dev/null
done
monmaptool --create --addv a "[$MONITORS]" --fsid "$FSID" --clobber "$DIR/monmap" >/dev/null
ceph-mon --mkfs -i a --monmap "$DIR/monmap" --keyring "$DIR/keyring"
ceph-mon -i a --pid-file "$DIR/run/mon.pid"

OSD=$(cat /proc/sys/kernel/random/uuid)
ceph osd new "$OSD" 0 >/dev/null
ceph-osd -i 0 --mkfs --osd-uuid "$OSD" >/dev/null 2>&1
ceph osd crush add osd.0 1.0 root=default host=localhost >/dev/null 2>&1
ceph-osd -i 0 --pid-file "$DIR/run/osd.pid" >/dev/null 2>&1

radosgw -n client.rgw --pid-file "$DIR/run/rgw.pid"
for _ in $(seq 240); do
    if curl --silent --output /dev/null "http://127.0.0.1:$PORT"; then break; fi
    sleep .25
done
radosgw-admin user create --uid=test --display-name=test --access-key=testkey --secret-key=testsecret >/dev/null 2>&1
