import { describe, expect, test } from "vitest";
import type { Job } from "./api";
import {
  formatBytes,
  formatDuration,
  formatExposure,
  formatJob,
  formatPhotos,
  formatPixels,
  formatPlace,
  formatScore,
  formatTakenAt,
  shellQuoted,
  titleOf,
} from "./format";

test.each([
  [0, "0 photos"],
  [1, "1 photo"],
  [100_000, "100,000 photos"],
])("%i is %s", (n, text) => expect(formatPhotos(n)).toBe(text));

test("a photo without a title is called by its file, where it still has one", () => {
  expect(titleOf({ title: null, name: "" })).toBe("Untitled");
  expect(titleOf({ title: " ", name: "IMG_1.jpg" })).toBe("IMG_1.jpg");
  expect(titleOf({ title: "Irises", name: "IMG_1.jpg" })).toBe("Irises");
});

test.each([
  [1, "100 %"],
  [0.9999, "99 %"],
  [0.57, "57 %"],
  [-0.2, "0 %"],
  [1.0001, "100 %"],
])("a score of %d is %s", (score, text) => expect(formatScore(score)).toBe(text));

test.each([
  [999, "999 bytes"],
  [9_100, "9.1 kB"],
  [999_600, "1.0 MB"],
  [24_400_000, "24 MB"],
])("%i bytes are %s", (bytes, text) => expect(formatBytes(bytes)).toBe(text));

test.each([
  [0.2, "1 second"],
  [45, "45 seconds"],
  [100, "2 minutes"],
  [5_300, "88 minutes"],
  [7_400, "2 hours"],
])("%d s are %s", (seconds, text) => expect(formatDuration(seconds)).toBe(text));

test.each([
  ["2019", "2019"],
  ["2019-06", "June 2019"],
  ["2019-06-03", "3 June 2019"],
  ["2019-06-03T23:59:30", "3 June 2019, 23:59"],
  ["2019-06-03T00:05:00+14:00", "3 June 2019, 00:05"],
  ["once", "once"],
])("%s is shown as the camera's own time, %s", (iso, text) => expect(formatTakenAt(iso)).toBe(text));

test.each([
  [1 / 250, "1/250 s"],
  [1 / 8000, "1/8,000 s"],
  [0.8, "0.8 s"],
  [30, "30 s"],
])("an exposure of %d s is %s", (seconds, text) => expect(formatExposure(seconds)).toBe(text));

test("a place has its hemispheres", () => {
  expect(formatPlace(-33.8568, 151.2153)).toBe("33.8568° S, 151.2153° E");
});

test.each([
  [640, 480, "640 × 480"],
  [6000, 4000, "6,000 × 4,000 · 24 MP"],
  [2000, 1500, "2,000 × 1,500 · 3.0 MP"],
])("%i by %i is %s", (width, height, text) => expect(formatPixels(width, height)).toBe(text));

describe("a running job", () => {
  const job: Job = {
    id: "1",
    state: "running",
    done: 1234,
    total: 10_000,
    added: 1230,
    updated: 0,
    unchanged: 0,
    moved: 0,
    gone: 0,
    failed: 4,
    rate: 42.4,
    eta_seconds: 207,
    message: null,
  };
  test("says how far, how fast, how long", () => {
    expect(formatJob(job)).toBe("1,234 of 10,000 · 42 per second · about 3 minutes left");
  });
  test("says only what is known", () => {
    expect(formatJob({ ...job, rate: null, eta_seconds: null })).toBe("1,234 of 10,000");
    expect(formatJob({ ...job, state: "counting" })).toBe("Counting photos");
    expect(formatJob({ ...job, message: "The index is being built." })).toBe("The index is being built.");
  });
});

test.each([
  ["/home/a/photos.lookalike", "/home/a/photos.lookalike"],
  ["/home/a/My photos", "'/home/a/My photos'"],
  ["it's", "'it'\\''s'"],
])("%s is one word of a shell as %s", (path, quoted) => expect(shellQuoted(path)).toBe(quoted));
