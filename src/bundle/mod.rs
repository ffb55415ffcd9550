//! The bundle `model.swath`: everything that prediction needs, in one file.
