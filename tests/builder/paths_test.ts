import assert from "node:assert/strict";
import { MAX_PATH_BYTES, pathFault, pathSetFault } from "../../src/builder/paths.ts";

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
    assert.equal(pathFault(path), undefined);
  }
  assert.equal(pathSetFault(paths), undefined);
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
    assert.match(pathFault(path) ?? "", new RegExp(RegExp.escape(reason)), JSON.stringify(path));
  }
});

Deno.test("a set of paths must not contradict itself", () => {
  assert.deepEqual(pathSetFault(["a", "b", "a"]), { path: "a", fault: "it is named twice" });
  assert.deepEqual(pathSetFault(["a/b/c.ts", "a/b"]), {
    path: "a/b/c.ts",
    fault: "a/b is a file and not a directory",
  });
  assert.equal(pathSetFault(["a", "../b"])?.path, "../b");
  assert.equal(pathSetFault(["a.ts", "a/b.ts"]), undefined);
});
