# Suspects of another age count as well; by default they are 5 seconds old.
echo 100 >/sys/module/goslab/parameters/leak_min_age
cd /sys/kernel/debug/goslab
echo scan >leaks

# found SIZE - how many lost objects have that size; 200 bytes are an object of 208.
found() { grep -c "^unreferenced object .*(size $1)" leaks; }

echo "lost: $(found 208) of 208 bytes, $(found 416) of 416"
[ "$(found 208)" -ge 4 ] && [ "$(found 640)" = 0 ] && [ "$(found 896)" = 0 ]
