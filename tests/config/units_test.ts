import assert from "node:assert/strict";
import {
  countOf,
  formatBytes,
  formatCount,
  formatDuration,
  parseBytes,
  parseDuration,
} from "../../src/config/mod.ts";

Deno.test("durations carry their unit", () => {
  const accepted: readonly [string, number][] = [
    ["0", 0],
    ["0s", 0],
    ["500ms", 500],
    ["60s", 60_000],
    ["60 s", 60_000],
    ["1,500 ms", 1500],
    ["5m", 300_000],
    ["5min", 300_000],
    ["1h", 3_600_000],
    ["2d", 172_800_000],
  ];
  for (const [text, ms] of accepted) assert.equal(parseDuration(text), ms, text);
  const rejected = [
    "",
    "60",
    "1.5s",
    "-1s",
    "1e3s",
    " 1s",
    "1s ",
    "1  s",
    "s",
    "1S",
    "1M",
    "1h30m",
    "15,00ms",
    ",500ms",
  ];
  for (const text of [...rejected, "999999999999999d"]) {
    assert.equal(parseDuration(text), undefined, text);
  }
});

Deno.test("sizes carry their unit", () => {
  const accepted: readonly [string, number][] = [
    ["0", 0],
    ["100B", 100],
    ["512KiB", 524_288],
    ["128MiB", 134_217_728],
    ["128 MiB", 134_217_728],
    ["1GiB", 1_073_741_824],
    ["64kB", 64_000],
    ["64KB", 64_000],
    ["6MB", 6_000_000],
    ["1GB", 1_000_000_000],
  ];
  for (const [text, size] of accepted) assert.equal(parseBytes(text), size, text);
  const rejected = [
    "",
    "6",
    "6M",
    "6mib",
    "6Mb",
    "1.5MiB",
    "-6MiB",
    "0x6B",
    "constructor",
    "6toString",
  ];
  for (const text of [...rejected, "999999999999999GiB"]) {
    assert.equal(parseBytes(text), undefined, text);
  }
});

Deno.test("formatted durations are exact and read back", () => {
  const words: readonly [number, string][] = [
    [0, "0 ms"],
    [1, "1 ms"],
    [1500, "1,500 ms"],
    [60_000, "60 s"],
    [90_000, "90 s"],
    [120_000, "2 min"],
    [3_600_000, "1 h"],
    [86_400_000, "24 h"],
    [172_800_000, "2 d"],
  ];
  for (const [ms, text] of words) {
    assert.equal(formatDuration(ms), text);
    assert.equal(parseDuration(text), ms);
  }
  assert.equal(formatDuration(12.4), "12 ms");
});

Deno.test("formatted sizes are exact and read back", () => {
  const words: readonly [number, string][] = [
    [0, "0 B"],
    [1023, "1,023 B"],
    [1024, "1 KiB"],
    [1536, "1,536 B"],
    [6 * 1024 ** 2, "6 MiB"],
    [6_000_000, "6 MB"],
    [6_291_457, "6,291,457 B"],
    [1024 ** 3, "1 GiB"],
  ];
  for (const [size, text] of words) {
    assert.equal(formatBytes(size), text);
    assert.equal(parseBytes(text), size);
  }
});

Deno.test("counts have thousands separators and agree with their noun", () => {
  assert.equal(formatCount(999), "999");
  assert.equal(formatCount(1_234_567), "1,234,567");
  assert.equal(countOf(1, "file"), "1 file");
  assert.equal(countOf(0, "file"), "0 files");
  assert.equal(countOf(1000, "entry", "entries"), "1,000 entries");
});
