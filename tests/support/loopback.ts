/** Allows loopback. The flag is given twice, once in each form. */
export const LOOPBACK = ["--egress-allow-private", "127.0.0.0/8", "--egress-allow-private=::1"];
