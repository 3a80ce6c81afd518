import type { ExportedHandler } from "@c1/functions-sdk";
import { page } from "./page.ts";

export default {
  /** Greets at `/run/html-page/?name=Ada`, once a commit is published. */
  fetch(request) {
    const { searchParams } = new URL(request.url);
    return new Response(page(searchParams.get("name") ?? "world"), {
      headers: { "content-type": "text/html; charset=utf-8" },
    });
  },
} satisfies ExportedHandler;
