/** Tables for the address policy and the allowlist. */
import assert from "node:assert/strict";
import { addressPolicy } from "../../src/sandbox/egress/addresses.ts";
import { Allowlist, entryViolation, normalHost } from "../../src/sandbox/egress/allowlist.ts";

Deno.test("only public addresses are allowed", () => {
  const error = addressPolicy([]);
  for (
    const address of [
      "8.8.8.8",
      "1.1.1.1",
      "172.15.0.1",
      "172.32.0.1",
      "100.63.0.1",
      "100.128.0.1",
      "2606:4700::1111",
      "2a00:1450::1",
      "::ffff:8.8.8.8",
      "64:ff9b::808:808",
    ]
  ) {
    assert.equal(error(address), undefined, address);
  }
  const rejected = [
    ...["127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"],
    ...["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "::ffff:10.0.0.1"],
    ...["169.254.169.254", "169.254.0.1", "fe80::1", "::ffff:a9fe:a9fe", "64:ff9b::a9fe:a9fe"],
    ...["100.64.0.1", "100.100.100.200", "100.127.255.255"],
    ...["fc00::1", "fd00:ec2::254", "fd20:ce::254", "fec0::1"],
    ...["224.0.0.1", "239.255.255.255", "ff02::1", "255.255.255.255"],
    ...["0.0.0.0", "0.1.2.3", "::"],
    ...["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"],
    ...["192.0.0.192", "198.18.0.1", "192.88.99.1", "240.0.0.1", "168.63.129.16"],
    ...["2002:7f00:1::", "2002:808:808::", "2001:0:1::", "::7f00:1", "::ffff:0:7f00:1"],
    ...["64:ff9b:1::1", "100::1", "5f00::1", "4000::1", "2001:10::1", "2001:20::1"],
    ...["fe80::1%eth0", "", "localhost", "127.0.0.1:80", "[::1]"],
  ];
  for (const address of rejected) assert.notEqual(error(address), undefined, address);
});

Deno.test("the operator allows networks, and no others", () => {
  const error = addressPolicy(["10.1.0.0/16", "fd00:1::/64", "127.0.0.1/32"]);
  for (
    const address of ["10.1.2.3", "fd00:1::5", "127.0.0.1", "::ffff:10.1.2.3", "64:ff9b::a01:203"]
  ) {
    assert.equal(error(address), undefined, address);
  }
  for (const address of ["10.2.0.1", "fd00:2::5", "127.0.0.2", "::1", "::ffff:10.2.0.1"]) {
    assert.notEqual(error(address), undefined, address);
  }
});

Deno.test("an allowlist allows what it names", () => {
  const list = new Allowlist([
    "api.example.com",
    "Host.Example.org:8443",
    "*.wild.example",
    "*.ports.example:8080",
    "bücher.example",
    "10.0.0.1",
    "[2001:DB8::1]:80",
    "not a host",
  ]);
  const allowed = [
    ["api.example.com", 443],
    ["api.example.com", 80],
    ["API.EXAMPLE.COM.", 443],
    ["host.example.org", 8443],
    ["a.wild.example", 443],
    ["a.b.wild.example", 80],
    ["x.ports.example", 8080],
    ["xn--bcher-kva.example", 443],
    ["BÜCHER.example", 443],
    ["10.0.0.1", 80],
    ["0x0a.1", 80],
    ["[2001:db8:0::1]", 80],
  ] as const;
  const rejected = [
    ["api.example.com", 8443],
    ["xapi.example.com", 443],
    ["api.example.com.evil.example", 443],
    ["example.com", 443],
    ["host.example.org", 443],
    ["wild.example", 443],
    ["evilwild.example", 443],
    ["x.ports.example", 443],
    ["[2001:db8::1]", 443],
    ["not a host", 443],
  ] as const;
  const allows = (text: string, port: number) =>
    list.allows({ host: normalHost(text) ?? text, port });
  for (const [host, port] of allowed) assert.equal(allows(host, port), true, `${host}:${port}`);
  for (const [host, port] of rejected) assert.equal(allows(host, port), false, `${host}:${port}`);
});

Deno.test("an error names what is wrong with an entry", () => {
  for (
    const entry of [
      "example.com",
      "example.com:8443",
      "*.example.com",
      "*.example.com:1",
      "a_b.example",
      "bücher.example",
      "127.0.0.1",
      "[::1]",
      "[::1]:65535",
      "localhost",
    ]
  ) {
    assert.equal(entryViolation(entry), undefined, entry);
  }
  const errors: Readonly<Record<string, RegExp>> = {
    "": /must not be empty/,
    "https://example.com": /without a scheme/,
    "example.com/path": /without a path/,
    "example.com?x": /without a path/,
    "user@example.com": /without a user/,
    "a b.example": /spaces/,
    "*": /wildcard/,
    "*.": /wildcard/,
    "a.*.example": /wildcard/,
    "*example.com": /wildcard/,
    "*.*.example": /wildcard/,
    "*.127.0.0.1": /wildcard before an IP address/,
    "example.com:0": /port/,
    "example.com:65536": /port/,
    "example.com:": /port/,
    "example.com:http": /port/,
    "example.com:080": /port/,
    ":443": /host before the port/,
    "::1": /brackets/,
    "[::1": /port/,
    "0x7f.1": /must be written as 127\.0\.0\.1/,
    "2130706433": /must be written as/,
    "xn--a.example": /is not a host/,
    "a..example": /is not a host/,
    "a%2e.example": /is not a host/,
    ["a".repeat(300)]: /at most/,
  };
  for (const [entry, message] of Object.entries(errors)) {
    assert.match(entryViolation(entry) ?? "well-formed", message, entry);
  }
});
