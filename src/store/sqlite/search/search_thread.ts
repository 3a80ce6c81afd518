/** The thread that searches invocations, and keeps the index of their texts up to date. */
import { workerData } from "node:worker_threads";
import type { FoundPage } from "../../dialect.ts";
import { serveRequests } from "../serve_requests.ts";
import type { SearchFiles } from "./index_file.ts";
import type { PassResult } from "./indexer.ts";
import { INDEX_PASS, type SearchRequest } from "./requests.ts";
import { TextIndex } from "./text_index.ts";

const texts = new TextIndex(workerData as SearchFiles);

serveRequests<SearchRequest, FoundPage | PassResult>(
  (request) => ({ reply: request === INDEX_PASS ? texts.pass() : texts.find(request) }),
  () => texts[Symbol.dispose](),
);
