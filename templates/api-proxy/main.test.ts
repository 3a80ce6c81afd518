import { test } from "@c1/test";
import { requestFor } from "./request.ts";

export default function registerTests() {
  test("asks for the repository with the token", ({ equal }) => {
    const request = requestFor("ada/engine", "t");
    equal(request.url, "https://api.github.com/repos/ada/engine");
    equal(request.headers.get("authorization"), "Bearer t");
  });

  test("rejects a name that is a path, and a missing token", ({ throws }) => {
    throws(() => requestFor("ada/engine/../../user", "t"), /owner\/name/);
    throws(() => requestFor("ada/engine", undefined), /GITHUB_TOKEN/);
  });
}
