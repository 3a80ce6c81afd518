import type { FetchHandler } from "@c1/functions-sdk";
import { page } from "./page.ts";

/** Greets at `/run/html-page/?name=Ada`, once a commit is published. */
export const fetch: FetchHandler = (request) => {
  const { searchParams } = new URL(request.url);
  return new Response(page(searchParams.get("name") ?? "world"), {
    headers: { "content-type": "text/html; charset=utf-8" },
  });
};
