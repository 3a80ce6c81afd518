/** Reads XML. */
import { XMLParser } from "npm:fast-xml-parser@5.12.1";

export default () => new XMLParser().parse("<person><name>Ada</name><age>36</age></person>");
