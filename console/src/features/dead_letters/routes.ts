import { createRoute } from "@tanstack/react-router";
import { lazyPage } from "../../shell/lazy_page.ts";
import { shellRoute } from "../../shell/root.tsx";
import type { LetterSearch } from "./filter.ts";

function textIn<K extends string>(name: K, value: unknown): { [P in K]?: string } {
  const text = typeof value === "string" || typeof value === "number" ? String(value) : "";
  return text === "" ? {} : { [name]: text } as { [P in K]: string };
}

export const deadLettersRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/dead-letters",
  validateSearch: (search: Record<string, unknown>): LetterSearch => ({
    ...textIn("function", search["function"]),
    ...textIn("word", search["word"]),
    ...textIn("q", search["q"]),
    ...textIn("letter", search["letter"]),
  }),
  component: lazyPage(
    () => import("./dead_letters_page.tsx"),
    "DeadLettersPage",
  ),
});
