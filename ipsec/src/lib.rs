//! IPsec data planes: userspace ESP on a TUN device, kernel XFRM.
