# window:ttl:df:length:options:genre:version:subtype:details
S4:64:1:60:M*,S,T,N,W7:	Test:1::read as it stands
S*:320:1:60:M*,?7,N:	Test:2::read otherwise
%0:64:1:60:M*,S,T,N,W7:	Test:3::refused by the kernel
S4:64:1:60:M*,S,T,N,W7:	Test:4
