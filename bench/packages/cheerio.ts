/** Reads a page by a selector. */
import * as cheerio from "npm:cheerio@1.2.0";

export default () => ({ text: cheerio.load('<h2 class="title">Hello</h2>')("h2.title").text() });
