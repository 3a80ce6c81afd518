import { test } from "@c1/test";
import { page } from "./page.ts";

export default function registerTests() {
  test("greets", ({ ok }) => {
    ok(page("Ada").includes("<h1>Hello, Ada!</h1>"));
  });
  test("escapes", ({ ok }) => {
    ok(page("<script>").includes("&lt;script&gt;"));
  });
}
