/** Begins work this many times at once; answers what each gave, in their order. @param work gets its number, from 0 */
export async function atOnce<T>(count: number, work: (n: number) => Promise<T>): Promise<T[]> {
  return await Promise.all(Array.from({ length: count }, (_, n) => work(n)));
}
