import assert from "node:assert/strict";
import { MAX_PATH_BYTES, pathSetViolation, pathViolation } from "../../src/builder/paths.ts";

Deno.test("ordinary paths pass", () => {
  const paths = [
    "main.ts",
    "lib/util.ts",
    "a b/ü.json",
    "..a",
    "a..",
    ".hidden",
    "deno.json",
    "%2e%2e",
  ];
  for (const path of [...paths, "x".repeat(MAX_PATH_BYTES)]) {
    assert.equal(pathViolation(path), undefined);
  }
  assert.equal(pathSetViolation(paths), undefined);
});

Deno.test("paths that could leave the commit or mislead are rejected", () => {
  const paths = [
    ["", "empty"],
    ["/etc/passwd", "absolute"],
    ["..", "segment .."],
    ["../x", "segment .."],
    ["a/../b", "segment .."],
    ["./a", "segment ."],
    ["a/.", "segment ."],
    ["a//b", "empty segment"],
    ["a/", "empty segment"],
    ["a\\b", "backslash"],
    ["a\0b", "control"],
    ["a\nb", "control"],
    ["a\u2028b", "control"],
    ["\ud800", "Unicode"],
    ["ü".repeat(MAX_PATH_BYTES / 2 + 1), `${MAX_PATH_BYTES} B`],
  ] as const;
  for (const [path, reason] of paths) {
    assert.match(
      pathViolation(path) ?? "",
      new RegExp(RegExp.escape(reason)),
      JSON.stringify(path),
    );
  }
});

Deno.test("a set of paths must not contradict itself", () => {
  assert.deepEqual(pathSetViolation(["a", "b", "a"]), {
    path: "a",
    violation: "it is named twice",
  });
  assert.deepEqual(pathSetViolation(["a/b/c.ts", "a/b"]), {
    path: "a/b/c.ts",
    violation: "a/b is a file and not a directory",
  });
  assert.equal(pathSetViolation(["a", "../b"])?.path, "../b");
  assert.equal(pathSetViolation(["a.ts", "a/b.ts"]), undefined);
});
