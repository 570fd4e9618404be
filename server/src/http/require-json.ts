/** Lets a request with another body than JSON pass no further. */
import type { RequestHandler } from 'express';
import { Refused } from './problem.ts';

export const requireJson: RequestHandler = (req, _res, next) => {
  if (req.is('application/json') === false) throw new Refused('unsupported_media_type');
  next();
};
