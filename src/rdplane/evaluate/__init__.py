"""Test images through a trained model: rate, distortion and every further measure, and samples."""
