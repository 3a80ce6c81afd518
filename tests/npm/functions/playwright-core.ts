/** Starts a browser. */
import { chromium } from "npm:playwright-core@1.65.1";

export default async () => ({ version: (await chromium.launch()).version() });
