# Run by test_under_systemd.py in namespaces of its own (process ids, mounts, IPC, names, cgroups): becomes systemd as PID 1.
# Arguments: the directory of the test, the checkout, its packages, the home of its Python.
# Before anything else starts, everything of the machine is made read-only here; what systemd cleans at its start is gone with us.
set -eu
test "$$" = 1
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
mkdir /mnt/test /mnt/checkout /mnt/packages /mnt/python
mount --bind "$1" /mnt/test
mount --bind "$2" /mnt/checkout
mount --bind "$3" /mnt/packages
mount --bind "$4" /mnt/python
touch /mnt/test/console
mount --bind /mnt/test/console /dev/console
mount -o remount,bind,ro /
awk '$2 != "/" && $2 !~ "^/mnt($|/test)" && $2 != "/dev/console" && $2 !~ "^/sys/fs/cgroup" { print $2 }' /proc/self/mounts |
  while read -r place; do mount -o remount,bind,ro "$place" 2>/dev/null || true; done
for place in /tmp /run /var /dev/shm; do mount -t tmpfs -o mode=1777 tmpfs "$place"; done
mkdir -p /var/lib /var/cache /var/log
chmod 755 /run /var
mount -t proc proc /proc
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
umount -R /sys/fs/cgroup 2>/dev/null || mount -t tmpfs tmpfs /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
for place in / /etc /usr /mnt/checkout; do
  if touch "$place/traderd-test" 2>/dev/null; then
    echo "$place can be written to, so systemd is not started"
    exit 9
  fi
done
exec env -i container=unshare PATH=/usr/sbin:/usr/bin:/sbin:/bin SYSTEMD_UNIT_PATH=/mnt/test/units \
  /lib/systemd/systemd --system --unit=test.target --log-target=console --show-status=0
