import assert from "node:assert/strict";
import fc from "fast-check";
import {
  compileCondition,
  ConditionError,
} from "../../src/domain/identity/federation/conditions.ts";
import { CONDITION_STEPS_MAX } from "../../src/domain/identity/federation/meter.ts";

const GITHUB = {
  iss: "https://token.actions.githubusercontent.com",
  sub: "repo:octo-org/octo-repo:ref:refs/heads/main",
  repository: "octo-org/octo-repo",
  repository_owner_id: "123456",
  ref: "refs/heads/main",
  run_attempt: 1,
  environment: null,
  email_verified: true,
  groups: ["platform", "release"],
  "odd-name": "x",
};
async function valueOf(expression: string, claims: Record<string, unknown> = GITHUB) {
  return (await compileCondition(expression)).evaluate(claims);
}

Deno.test("conditions read claims as CEL does", async () => {
  const met = [
    "claims.sub == 'repo:octo-org/octo-repo:ref:refs/heads/main'",
    "claims.sub.startsWith('repo:octo-org/') && claims.ref.endsWith('/main')",
    "claims.repository.contains('octo') && !claims.repository.contains('evil')",
    "claims.ref.matches('^refs/heads/(main|release-[0-9]{1,3})$')",
    "size(claims.groups) == 2 && claims.groups.size() < 3",
    "'release' in claims.groups && 'sub' in claims",
    "claims.groups.exists(g, g == 'platform') && claims.groups.all(g, g.size() > 3)",
    "claims.groups.exists(g, ['platform', 'x'].exists(h, h == g))",
    "claims.groups.filter(g, g != 'release') == ['platform']",
    "claims.groups.map(g, g + '!')[0] == 'platform!'",
    "has(claims.ref) && !has(claims.job)",
    "has(claims.job) ? claims.job == 'x' : claims.run_attempt == 1",
    "claims['odd-name'] == 'x' && claims.environment == null",
    "claims.email_verified",
    "claims.missing == 'x' || claims.run_attempt <= 3",
    "url('spiffe://example.org/ns/prod/sa/api').path == '/ns/prod/sa/api'",
    "url(claims.iss).host == 'token.actions.githubusercontent.com'",
    "string(int(claims.repository_owner_id) + 1) == '123457'",
    // Every way to write the same text.
    `claims.ref == "refs/heads/main" && claims.ref == r'refs/heads/main'`,
  ];
  for (const expression of met) {
    const { kind } = await valueOf(expression);
    assert.equal(kind, "met", expression);
  }
  for (const expression of ["claims.ref == 'refs/heads/dev'", "claims.sub.matches('^main$')"]) {
    assert.equal((await valueOf(expression)).kind, "unmet", expression);
  }
});

Deno.test("a condition without a boolean value is failed, never met", async () => {
  const failing: [string, RegExp][] = [
    ["claims.job == 'x'", /job/],
    ["claims.sub", /not a boolean/],
    ["claims.sub.size() == claims.run_attempt.size()", /overload/],
    ["url(claims.ref).path == '/'", /not an absolute URL/],
    ["claims.ref.matches(claims.sub + '(')", /missing closing/],
    ["claims.groups[7] == 'x'", /.+/],
    ["1 / 0 == 1", /zero/],
  ];
  for (const [expression, reason] of failing) {
    const value = await valueOf(expression);
    assert.equal(value.kind, "failed", expression);
    assert.match(value.kind === "failed" ? value.reason : "", reason);
  }
});

Deno.test("conditions that can never work are rejected when they are made", async () => {
  const rejected: [string, RegExp][] = [
    ["", /must not be empty/],
    [" \n", /must not be empty/],
    ["claims.sub ==", /expecting/],
    ["claim.sub == 'x'", /claim is unknown; a claim is claims.NAME/],
    ["x == 1", /x is unknown/],
    ["claims.sub == 'x' && claims.groups.all(g, h == 1)", /h is unknown/],
    ["claims.sub.startswith('x')", /startswith is not a function; available are contains,/],
    ["timestamp('2026-01-01T00:00:00Z') == claims.x", /timestamp is not a function/],
    ["google.protobuf.Value{} == claims.x", /is not available/],
    ["claims.sub.matches('(')", /missing closing/],
    ["matches('a')", /needs a text and a pattern/],
    ["'x'", /not a boolean/],
    ["size(claims.sub)", /not a boolean/],
    ["claims", /not a boolean/],
    ["claims.groups.map(g, g)", /not a boolean/],
    ["true ? 1 : claims.x", /not a boolean/],
    [`claims.sub == '${"é".repeat(510)}'`, /has 1036 bytes; at most 1024/],
    ["(".repeat(500) + "true" + ")".repeat(500), /500 opening brackets; at most 128/],
    ["-(".repeat(340), /340 opening brackets/],
    [
      "claims.a.all(a, claims.b.all(b, claims.c.all(c, true)))",
      /may be nested once; here is one within one within one/,
    ],
    ["claims.sub.matches('((a{30}){30}b{20}){30}')", /repeat/],
    ["claims.sub.matches('(" + "a".repeat(400) + "){900}')", /too large/],
  ];
  for (const [expression, reason] of rejected) {
    await assert.rejects(compileCondition(expression), (error) => {
      assert.ok(error instanceof ConditionError, String(error));
      assert.match(error.message, reason);
      return true;
    }, expression);
  }
});

const MANY = Array.from({ length: 4_000 }, (_, i) => i % 10);
const HOSTILE = { l: MANY, s: "a".repeat(16_000), t: "a".repeat(8_000), n: [[MANY]] };
/** Each runs for seconds to years, or fills the memory, if nothing counts its steps. */
const EXPENSIVE = [
  "claims.l.all(x, claims.l.all(y, y < 99))",
  "claims.l.all(x, claims.l.exists(y, true))",
  "claims.l.exists(x, claims.l.filter(y, y > x).size() > 9000)",
  `[1]${".map(x,[x,x])".repeat(28)} == [1]${".map(x,[x,x])".repeat(28)}`,
  `[[1]${".map(x,[x,x])".repeat(55)}].all(y, y == y && y == [y])`,
  `[[1]${".map(x,[x,x])".repeat(55)}].all(y, [y] == [y])`,
  `[claims.s]${".map(x,x+x)".repeat(60)}[0].contains('b')`,
  `[claims.l]${".map(x,x+x)".repeat(60)}[0].size() > 0`,
  "(claims.l + claims.l + claims.l).map(x, claims.l).exists(y, 99 in y)",
  "claims.l.map(x, x).map(x, x).map(x, x).size() < 0",
  "(claims.s + claims.s).contains(claims.t + 'b')",
  "claims.l.all(x, !claims.s.contains('ab'))",
  "claims.s.matches('(a|aa|a?b?c?d?){40}e')",
  "claims.l.all(x, claims.s.matches('[^b]*a{9}$'))",
  "claims.l.all(x, claims.s.matches(claims.s))",
  "claims.l.all(x, size(claims.s) > 0)",
  "claims.l.all(x, claims.l.all(y, y < 99)) || true",
  "claims.l.all(x, claims.l.all(y, y < 99) || true)",
  `claims.l.all(x, [${"x,".repeat(300)}x].size() > 0 && claims.n == claims.n)`,
  "claims.l.all(x, {'a': claims.n} == {'a': claims.n})",
  `claims.l.all(x, [${"x,".repeat(480)}x][0] != 99)`,
];

Deno.test("an evaluation ends with its steps, whatever the expression and the claims are", async () => {
  for (const expression of EXPENSIVE) {
    const value = await valueOf(expression, HOSTILE);
    assert.equal(value.kind, "failed", expression);
    assert.match(value.kind === "failed" ? value.reason : "", /more than 150000 steps/);
    assert.ok(value.steps <= CONDITION_STEPS_MAX, expression);
  }
  // Two hundred groups, the most that GitLab sends, against the ten that a condition may name.
  const groups = Array.from({ length: 200 }, (_, i) => `group-${i}`);
  const ten = JSON.stringify(groups.slice(-10));
  const { kind, steps } = await valueOf(`${ten}.all(g, claims.groups.exists(h, h == g))`, {
    groups,
  });
  assert.equal(kind, "met");
  assert.ok(steps < CONDITION_STEPS_MAX / 2, String(steps));
});

/** Expressions of what the language has, mostly valid. */
const { expression } = fc.letrec<{ text: string; list: string; bool: string; expression: string }>(
  (tie) => ({
    text: fc.oneof(
      { depthSize: "small" },
      fc.constantFrom("claims.s", "claims.t", "'a'", "'(a|b)*'", "x", "claims.missing"),
      fc.tuple(tie("text"), tie("text")).map(([a, b]) => `(${a} + ${b})`),
      tie("list").map((l) => `${l}[0]`),
    ),
    list: fc.oneof(
      { depthSize: "small" },
      fc.constantFrom("claims.l", "claims.n", "claims.strings", "[x]"),
      fc.tuple(tie("list"), tie("text")).map(([l, t]) => `${l}.map(x, [${t}, x, x])`),
      fc.tuple(tie("list"), tie("bool")).map(([l, b]) => `${l}.filter(x, ${b})`),
      fc.tuple(tie("list"), tie("list")).map(([a, b]) => `(${a} + ${b})`),
    ),
    bool: fc.oneof(
      { depthSize: "small" },
      fc.constantFrom("true", "x == x", "claims.l == claims.l"),
      fc.tuple(tie("list"), tie("bool")).map(([l, b]) => `${l}.all(x, ${b})`),
      fc.tuple(tie("list"), tie("bool")).map(([l, b]) => `${l}.exists(y, ${b})`),
      fc.tuple(tie("text"), fc.constantFrom("contains", "matches", "startsWith"), tie("text"))
        .map(([a, f, b]) => `${a}.${f}(${b})`),
      fc.tuple(tie("bool"), fc.constantFrom("&&", "||", "=="), tie("bool"))
        .map(([a, o, b]) => `(${a} ${o} ${b})`),
      fc.tuple(tie("text"), tie("list")).map(([t, l]) => `${t} in ${l}`),
    ),
    expression: fc.oneof(
      tie("bool"),
      fc.string({ unit: fc.constantFrom(..."claims.ls([{'\"?:-!&|=<>+1,x)]}") }),
    ),
  }),
);

Deno.test("any expression is rejected, or evaluated within its steps", async () => {
  const claims = { ...HOSTILE, strings: ["a", "b", "aaaa"] };
  await fc.assert(
    fc.asyncProperty(expression, async (text) => {
      const condition = await compileCondition(text).catch((error) => {
        assert.ok(error instanceof ConditionError, String(error));
      });
      const value = condition?.evaluate(claims);
      if (value === undefined) return;
      assert.ok(["met", "unmet", "failed"].includes(value.kind));
      assert.ok(value.steps <= CONDITION_STEPS_MAX);
    }),
    { numRuns: 300 },
  );
});
