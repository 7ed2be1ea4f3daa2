"""What people do with jobs and authorizations; called by web and command line alike."""
