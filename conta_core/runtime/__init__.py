"""What a job runs on: devices, threads, processes, progress, seeds, the frame of a job."""
