/** The thread that searches invocations, and keeps the index of their texts up to date. */
import type { FoundPage, RowFilter } from "../../dialect.ts";
import { serveRequests } from "../serve_requests.ts";
import type { SearchFiles } from "./index_file.ts";
import type { PassResult } from "./indexer.ts";
import { TextIndex } from "./text_index.ts";

/** A search, or a pass of the index. */
export type SearchRequest = RowFilter | "index";

serveRequests<SearchFiles, SearchRequest, FoundPage | PassResult>((files) => {
  const texts = new TextIndex(files);
  return {
    handle: (request) => ({ reply: request === "index" ? texts.pass() : texts.find(request) }),
    close: () => texts[Symbol.dispose](),
  };
});
