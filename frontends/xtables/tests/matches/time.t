coverage: -m time --timestart 08:00 --timestop 18:00

rule: -A INPUT -m time --timestart 10:00 --timestop 9:00 --contiguous --kerneltz --weekdays 1,Tu,3 --monthdays 1,22,3 --datestart 2020 --datestop 2030-02-31T23:59:59
  saved: -A INPUT -m time --timestart 10:00:00 --timestop 09:00:00 --monthdays 1,3,22 --weekdays Mon,Tue,Wed --datestart 2020-01-01T00:00:00 --datestop 2030-03-03T23:59:59 --kerneltz --contiguous
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 TIME from 10:00:00 to 09:00:00 on Mon,Tue,Wed on 1st,3rd,22nd starting from 2020-01-01 00:00:00 until date 2030-03-03 23:59:59 contiguous
  listed ip6: 0 -- * * ::/0 ::/0 TIME from 10:00:00 to 09:00:00 on Mon,Tue,Wed on 1st,3rd,22nd starting from 2020-01-01 00:00:00 until date 2030-03-03 23:59:59 contiguous

rule: -A INPUT -m time ! --weekdays Mon ! --monthdays 5 -m time -m time --datestop 2020-05
  saved: -A INPUT -m time --monthdays 1,2,3,4,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31 --weekdays Tue,Wed,Thu,Fri,Sat,Sun --datestop 2038-01-19T03:14:07 -m time --datestop 2038-01-19T03:14:07 -m time --datestop 2020-05-01T00:00:00
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 TIME on Tue,Wed,Thu,Fri,Sat,Sun on 1st,2nd,3rd,4th,6th,7th,8th,9th,10th,11st,12nd,13rd,14th,15th,16th,17th,18th,19th,20th,21st,22nd,23rd,24th,25th,26th,27th,28th,29th,30th,31st UTC TIME UTC TIME until date 2020-05-01 00:00:00 UTC
  listed ip6: 0 -- * * ::/0 ::/0 TIME on Tue,Wed,Thu,Fri,Sat,Sun on 1st,2nd,3rd,4th,6th,7th,8th,9th,10th,11st,12nd,13rd,14th,15th,16th,17th,18th,19th,20th,21st,22nd,23rd,24th,25th,26th,27th,28th,29th,30th,31st UTC TIME UTC TIME until date 2020-05-01 00:00:00 UTC

rule: -A INPUT -m time --weekdays Sun --utc --timestop 23:00 -j DROP
  saved: -A INPUT -m time --timestart 00:00:00 --timestop 23:00:00 --weekdays Sun --datestop 2038-01-19T03:14:07 -j DROP
  listed ip: DROP 0 -- * * 0.0.0.0/0 0.0.0.0/0 TIME from 00:00:00 to 23:00:00 on Sun UTC
  listed ip6: DROP 0 -- * * ::/0 ::/0 TIME from 00:00:00 to 23:00:00 on Sun UTC

test: -m time
  hit: ip udp
test: -m time ! --weekdays Mon,Tue,Wed,Thu,Fri,Sat,Sun
  miss: ip udp

refused BPFC0004: -A INPUT -m time --timestart 25:00
  marked: 25:00
refused BPFC0004: -A INPUT -m time --weekdays Someday
  marked: Someday
