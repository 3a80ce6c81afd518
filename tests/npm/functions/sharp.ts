/** Resizes an image, with a native library. */
import sharp from "npm:sharp@0.35.5";

export default async function main() {
  const image = sharp({ create: { width: 2, height: 2, channels: 3, background: "red" } });
  return { bytes: (await image.png().toBuffer()).length };
}
