/**
 * The server's HTTP API, version 1: its types, and one function per route.
 *
 * Two things can go wrong and the page treats them differently: the server answers with an error that people can
 * read (`ApiError`), or no answer comes at all (`ServerGoneError`), in which case everything waits until it is back.
 */

export interface Photo {
  id: number;
  /** Empty, like `path`, when all its files have gone from the collection's folders. */
  name: string;
  path: string;
  title: string | null;
  width: number;
  height: number;
  taken_at: string | null;
  sha256: string;
}

export interface Facts {
  camera: string | null;
  lens: string | null;
  latitude: number | null;
  longitude: number | null;
  caption: string | null;
  keywords: string[];
  creator: string | null;
  copyright: string | null;
  focal_length_mm: number | null;
  f_number: number | null;
  exposure_seconds: number | null;
  iso: number | null;
}

export interface PhotoDetails extends Photo {
  facts: Facts;
  format: string;
  bytes: number;
  paths: string[];
  added_at: string;
}

export interface Hit extends Photo {
  /** 0 to 1, larger is better. */
  score: number;
}

export interface PhotoPage {
  photos: Photo[];
  /** `cursor` of the photos that follow; the id of the last photo is one too, even where nothing follows yet. */
  next: string | null;
  total: number;
}

export interface Query {
  kind: "photo" | "upload" | "words" | "query";
  photo: Photo | null;
  upload: string | null;
  words: string | null;
}

export interface Hits {
  query: Query;
  hits: Hit[];
  next_offset: number | null;
}

export interface Upload {
  id: string;
  width: number;
  height: number;
}

export interface Job {
  id: string;
  state: "counting" | "running" | "done" | "failed" | "stopped";
  done: number;
  total: number;
  added: number;
  updated: number;
  unchanged: number;
  moved: number;
  gone: number;
  failed: number;
  /** Photos per second. */
  rate: number | null;
  eta_seconds: number | null;
  message: string | null;
}

export interface Status {
  version: string;
  collection: string;
  photos: number;
  failures: number;
  /** How words are looked for. */
  word_search: string;
  jobs: Job[];
}

export interface Failure {
  path: string;
  reason: string;
}

/** The server answered, and said no. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly code: string,
    readonly status: number,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

/** No answer: the server has ended, or the network to it has. */
export class ServerGoneError extends Error {
  constructor() {
    super("The server does not answer.");
    this.name = "ServerGoneError";
  }
}

const ROOT = "/api/v1";

/** Statuses with which a proxy says that nobody is behind it. */
const GONE = new Set([0, 502, 503, 504]);

function toError(status: number, body: string): Error {
  if (GONE.has(status)) return new ServerGoneError();
  try {
    const { error } = JSON.parse(body) as { error: { code: string; message: string } };
    return new ApiError(error.message, error.code, status);
  } catch {
    return new ApiError(`The server answered with status ${status}.`, "unknown", status);
  }
}

async function get<T>(path: string, parameters: Record<string, string | number | null> = {}): Promise<T> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== null) query.set(name, String(value));
  const address = query.size > 0 ? `${ROOT}${path}?${query}` : `${ROOT}${path}`;
  let response: Response;
  let body: string;
  try {
    response = await fetch(address, { headers: { accept: "application/json" } });
    body = await response.text();
  } catch {
    throw new ServerGoneError();
  }
  if (!response.ok) throw toError(response.status, body);
  return JSON.parse(body) as T;
}

export const getStatus = () => get<Status>("/status");
export const getFailures = () => get<{ failures: Failure[] }>("/failures");
export const getPhoto = (id: number) => get<PhotoDetails>(`/photos/${id}`);
export const getPhotos = (cursor: string | null, limit: number) => get<PhotoPage>("/photos", { limit, cursor });
export const getSimilar = (id: number, offset: number, k: number) => get<Hits>(`/photos/${id}/similar`, { k, offset });
export const getSimilarToUpload = (id: string, offset: number, k: number) =>
  get<Hits>(`/uploads/${id}/similar`, { k, offset });
export const search = (q: string, offset: number, k: number) => get<Hits>("/search", { q, k, offset });

/** With the photo's content in its address, so that the browser may keep the thumbnail for good. */
export const thumbnailUrl = ({ id, sha256 }: Photo) => `${ROOT}/photos/${id}/thumbnail?v=${sha256.slice(0, 16)}`;
export const imageUrl = (id: number) => `${ROOT}/photos/${id}/image`;
export const uploadThumbnailUrl = (id: string) => `${ROOT}/uploads/${id}/thumbnail`;

/**
 * Send a photo to search with. `fetch` cannot tell how much has been sent, hence XMLHttpRequest.
 *
 * @param onProgress called with the share sent, 0 to 1.
 */
export function postUpload(photo: Blob, onProgress: (share: number) => void, signal: AbortSignal): Promise<Upload> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `${ROOT}/uploads`);
    request.setRequestHeader("content-type", photo.type || "application/octet-stream");
    request.upload.onprogress = (event) => onProgress(event.lengthComputable ? event.loaded / event.total : 0);
    request.onerror = () => reject(new ServerGoneError());
    request.onabort = () => reject(new DOMException("The upload was stopped.", "AbortError"));
    request.onload = () => {
      if (request.status === 201) resolve(JSON.parse(request.responseText) as Upload);
      else reject(toError(request.status, request.responseText));
    };
    signal.addEventListener("abort", () => request.abort());
    request.send(photo);
  });
}
