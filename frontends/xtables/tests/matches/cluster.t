coverage: -m cluster --cluster-total-nodes 2 --cluster-local-node 1 --cluster-hash-seed 1

rule: -A INPUT -m cluster --cluster-total-nodes 2 --cluster-local-node 2 --cluster-hash-seed 0xfeedcafe
  saved: -A INPUT -m cluster --cluster-local-nodemask 0x00000002 --cluster-total-nodes 2 --cluster-hash-seed 0xfeedcafe
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 cluster node_mask=0x00000002 total_nodes=2 hash_seed=0xfeedcafe
  listed ip6: 0 -- * * ::/0 ::/0 cluster node_mask=0x00000002 total_nodes=2 hash_seed=0xfeedcafe

rule: -A INPUT -m cluster --cluster-total-nodes 32 ! --cluster-local-nodemask 30 --cluster-hash-seed 7
  saved: -A INPUT -m cluster ! --cluster-local-nodemask 0x0000001e --cluster-total-nodes 32 --cluster-hash-seed 0x00000007
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 cluster !node_mask=0x0000001e total_nodes=32 hash_seed=0x00000007
  listed ip6: 0 -- * * ::/0 ::/0 cluster !node_mask=0x0000001e total_nodes=32 hash_seed=0x00000007

test: -m cluster --cluster-total-nodes 3 --cluster-local-node 2 --cluster-hash-seed 0xfeedcafe
test: -m cluster --cluster-total-nodes 32 ! --cluster-local-nodemask 0x15 --cluster-hash-seed 7

refused BPFC0004: -A INPUT -m cluster --cluster-total-nodes 2 --cluster-local-node 3 --cluster-hash-seed 1
  marked: cluster
refused BPFC0004: -A INPUT -m cluster --cluster-total-nodes 33 --cluster-local-node 3 --cluster-hash-seed 1
  marked: 33
